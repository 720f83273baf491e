"""The files of an exported folder, beside its weights.

how the run asks ──► chat_template ──► hf_folder  ──► *.json, chat_template.jinja
data and results ──► model_card                   ──► README.md, .eval_results/*.yaml
"""
