"""Where rows come from: built-in data sets, files of pairs, and the Hub."""
