package html

func unsafe(s string) string { return s }
