@app.route("/export")
@login_required
def export():
    return csv()
