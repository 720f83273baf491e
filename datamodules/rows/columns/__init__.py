"""What stands in the columns of a task: cells without titles, allowed and further answers, conditions, gaps, words.

- *cells*: texts of one column, each different one looked at once.
- *condition*: what an answer is under beside its input, such as the style of a name.
"""
