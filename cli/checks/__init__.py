"""A mistake of the user is told in one line, before PyTorch is loaded and before anything is made.

    words ──► flag_words ──► flag_check ──► early_settings ──► value_check ──► tables' columns ──► device_check
              flag, value    flag_list      config_check       ranges, names   by first rows       asks PyTorch
                             unknown, type  unknown keys

- *flag list*: the flags of each subcommand with their types and choices, saved beside the help pages.
- *settings*: values by flag, from the default configuration, files and words, in the parser's order.

`early_check` goes this way. What it does not understand it leaves to the parser, which decides; `settings_check` then repeats
the checks on the parsed configuration.
"""
