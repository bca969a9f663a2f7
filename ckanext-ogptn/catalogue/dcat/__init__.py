"""The catalogue as linked data: DCAT-AP 3 out and in (https://semiceu.github.io/DCAT-AP/releases/3.0.1/)."""
