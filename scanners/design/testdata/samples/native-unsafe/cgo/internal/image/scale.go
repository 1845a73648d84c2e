package image

// #include <vips/vips.h>
import "C"
