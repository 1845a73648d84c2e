package design

// accessDetectors find the facts of this group.
var accessDetectors = []detector{}
