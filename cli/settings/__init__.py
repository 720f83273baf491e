"""What a command line means: words, files and variables are read alike, and what is implied lies beneath them.

    words, files, variables ──► given ──► words, completed ──► parser ──► a configuration
                                            ▲                    text_flags, unknown_settings
                    run_settings, paths ────┘

- *given* (`cli.given`): what the user says anywhere; it is read before the parser exists, since it decides the rest.
- *beneath*: the configuration of the checkpoint's run, or of the model that ships; everything given overrides it.
- *text flag*: a flag that takes text as it is written (`1e-4`, `null`, `#name`).
"""
