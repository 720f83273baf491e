"""A run's folder as one page, `report.html`: a pure function of the folder's files.

    run's folder ──► run_files ──► predictions (which rows, their molecules) ──► render ──► report.html
                              ──► curves (values as lines of an SVG)         ──►
                              ──► sections (tables, next commands)           ──►

- *side*: what one subcommand wrote: `fit` to the run's folder, `validate` and `test` to their own in it.
- *kind* of a prediction: right, wrong or invalid; its *outcome* is one of ten, where it was decided.

`report.html.jinja` is the page, `page.js` its filters; `parts.html.jinja` and the look, `style.css`, other pages share. It asks
nothing of any other address.
"""
