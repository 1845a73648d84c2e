from flask import Flask

app = Flask(__name__)


@app.post("/paypal/ipn")
def ipn():
    return ""


@app.route("/login/callback")
def callback():
    return ""
