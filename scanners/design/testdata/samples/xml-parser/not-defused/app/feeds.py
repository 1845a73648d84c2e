from defusedxml import ElementTree
from xml.etree.ElementTree import Element


def parse(raw) -> Element:
    return ElementTree.fromstring(raw)
