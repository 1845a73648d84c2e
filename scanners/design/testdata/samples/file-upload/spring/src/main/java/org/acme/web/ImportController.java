package org.acme.web;

import org.springframework.web.bind.annotation.*;
import org.springframework.web.multipart.MultipartFile;

@RestController
public class ImportController {
    @PostMapping("/imports")
    public void start(@RequestParam("file") MultipartFile file) {
    }
}
