import xml.etree.ElementTree as ET


def sitemap():
    return ET.tostring(ET.Element("urlset"))
