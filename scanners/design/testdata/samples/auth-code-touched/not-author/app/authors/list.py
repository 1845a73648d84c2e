def authors():
    return []
