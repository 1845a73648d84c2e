package org.acme;

import org.springframework.cloud.openfeign.FeignClient;
import org.springframework.web.bind.annotation.GetMapping;

@FeignClient("visits-service")
interface Visits {
    @GetMapping("/visits")
    List<Visit> visits();
}
