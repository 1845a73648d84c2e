package org.acme.storage;

import org.springframework.web.multipart.MultipartFile;

public interface Thumbnails {
    String of(MultipartFile file);
}
