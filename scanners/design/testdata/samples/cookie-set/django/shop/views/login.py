def login(request):
    response = redirect("/")
    response.set_cookie("cart", basket.token, max_age=3600)
    return response
