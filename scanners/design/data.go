package design

// dataDetectors find the facts of this group.
var dataDetectors = []detector{}
