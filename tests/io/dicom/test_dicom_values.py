import warnings

import pytest
from pydicom.dataset import Dataset

from echoseg.io.dicom.values import text


@pytest.mark.parametrize(("stored", "shown"), [("US", "US"), (" US\n9.11\x1b[2J", "US 9.11 [2J"), ("Mühle", "Mühle"), ("", "")])
def test_text_of_a_tag_is_one_line_that_can_be_printed(stored, shown):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of such values
        dataset = Dataset()
        dataset.ManufacturerModelName = stored
    assert text(dataset, "ManufacturerModelName") == shown
    assert text(dataset, "Modality") == ""
