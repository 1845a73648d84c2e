def export():
    return csv()
