"""How complete and usable the metadata are, by the European portal's method, and whether links work."""
