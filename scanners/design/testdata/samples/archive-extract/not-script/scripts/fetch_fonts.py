import zipfile

zipfile.ZipFile("fonts.zip").extractall("fonts")
