@login_required
def report():
    return csv()
