@login_required
def export():
    return csv()
