package feed

import "encoding/xml"

func write(v any) ([]byte, error) { return xml.Marshal(v) }
