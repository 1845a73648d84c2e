def report():
    return csv()
