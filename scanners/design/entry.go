package design

// entryDetectors find the facts of this group.
var entryDetectors = []detector{}
