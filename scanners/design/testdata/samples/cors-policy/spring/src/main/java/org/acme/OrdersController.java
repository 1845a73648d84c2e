package org.acme;

@RestController
@CrossOrigin(origins = "*")
public class OrdersController {}
