package org.acme;

import org.springframework.web.client.RestTemplate;

class Caller {
    // @GetMapping("/commented")
    String text = "@GetMapping(\"/in-a-string\")";

    Object call() { return rest.getForObject("/visits", Object.class); }
}
