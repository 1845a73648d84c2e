@xframe_options_exempt
def embed(request):
    return render(request, "embed.html")
