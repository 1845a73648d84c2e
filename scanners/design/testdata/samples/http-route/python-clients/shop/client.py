import requests
from fastapi import FastAPI
from unittest import mock


class Client:
    def load(self):
        return self.session.get("/invoices")

    @mock.patch("/x")
    def other(self):
        return requests.post("https://api.example.com/invoices", json={})


# @app.get("/commented")
@app.exception_handler(404)
def missing(request, exc):
    return redirect("/login")
