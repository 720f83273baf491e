"""What a person sees of the command line: help in order of use, shell completion, no chatter of libraries.

configs/help/order.yaml ──► short_help ──► `--help`: the flags people need; `--help-all` shows every flag
configs/help/flags.json ──► completion ──► a script for bash or zsh
libraries' lines, bars  ──► quiet_libraries ──► (hidden), or whole lines
"""
