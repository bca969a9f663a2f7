"""The self-assessment report: read from a document, compared with the catalogue, made from the catalogue.

`layout` names what a form has; `plain` and `word` turn a file into rows of cells; `reader` turns rows into forms; `forms` turns a record
into a form; `importer` compares forms with the catalogue and writes; `writer` and `page` print.
"""
