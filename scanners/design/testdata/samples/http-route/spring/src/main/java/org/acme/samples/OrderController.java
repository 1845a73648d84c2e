package org.acme.samples;

import org.springframework.web.bind.annotation.*;

@RestController
@RequestMapping(value = "/api/orders", produces = "application/json")
class OrderController {

    static final String STATE = "/state";

    @GetMapping("/{id}")
    Order find(@PathVariable long id) { return null; }

    @PostMapping
    @ResponseStatus(HttpStatus.CREATED)
    Order create() { return null; }

    @RequestMapping(path = {"/a", "/b"}, method = RequestMethod.DELETE)
    void both() {}

    @PutMapping("/{id}" + STATE)
    void state() {}
}
