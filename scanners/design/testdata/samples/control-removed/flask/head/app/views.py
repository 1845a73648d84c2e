@app.route("/export")
def export():
    return csv()
