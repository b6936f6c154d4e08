"""What happens to every request, whatever it asks for. `api/app.py` has the order."""
