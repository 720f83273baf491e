"""A browser page for asking a model: `make demo`.

    question ──► page ──► answerer ──► the model, one question at a time ──► answer, its checks, a picture ──► page

- *answerer*: prompts a model as `predict` does and checks its answers; independent of the page.
- *page*: the Gradio interface; independent of the model.
"""
