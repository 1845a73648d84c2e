from lxml import etree


def parse(raw):
    return etree.fromstring(raw)
