package middleware

func refresh() int { return 1 }
