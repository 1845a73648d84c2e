package design

// platformDetectors find the facts of this group.
var platformDetectors = []detector{}
