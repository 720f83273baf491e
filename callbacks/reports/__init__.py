"""The outputs of a run or a test: tables, model cards, exports, comparisons.

    evaluated rows ──► prediction_table, prediction_writer ──► predictions/*.csv
                  ──► baselines, leak_audit, rerank        ──► test/*.csv, test/audit.json
    best weights  ──► hf_export, export/                   ──► hf/
    run's folder  ──► run_summary                          ──► a table
                  ──► epoch_table, run_page, page/         ──► epochs.csv, report.html
    runs' folders ──► compare/                             ──► tables, tests of pairs, compare.html

- *baseline*: a system that answers the same rows without this model: rules, the nearest training row, the base before
  this run. Its files are called `anchors.csv`.
- *audit*: what the test rows share with the training rows, and which test rows are unanswerable.
- *rule*: how `rerank` chooses among a row's candidates. *Verified*: passed a check that needs no reference.
"""
