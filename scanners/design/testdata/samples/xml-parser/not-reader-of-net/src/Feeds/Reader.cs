class Reader
{
    Feed Read(Stream stream)
    {
        using var reader = XmlReader.Create(stream);
        return Parse(reader);
    }
}
