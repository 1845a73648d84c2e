const event = stripe.webhooks.constructEvent(body, sig, secret);
