package feed

import "encoding/xml"

func read(raw []byte, v any) error { return xml.Unmarshal(raw, v) }
