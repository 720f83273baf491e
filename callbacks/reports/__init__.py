"""What a run or a test leaves behind: tables, cards, exports, comparisons."""
