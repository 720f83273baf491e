"""The page to ask a model: `make demo`.

    question ──► page ──► answerer ──► the model, one question at a time ──► answer, its checks, a picture ──► page

- *answerer*: asks a model as `predict` does and checks what it answers; it knows no page.
- *page*: Gradio's part; it knows no model.
"""
