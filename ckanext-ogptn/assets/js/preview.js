/* The table's preview (CKAN's DataTables view), inside its frame. */
(function ($) {
  'use strict'

  // DataTables gives the rows what height is left, which cuts the last one in two: it ends where a row ends.
  function endWithARow (body) {
    const rows = body.querySelectorAll('tbody tr')
    body.style.removeProperty('block-size')
    if (!rows.length || body.scrollHeight <= body.clientHeight) return
    const top = body.getBoundingClientRect().top - body.scrollTop
    const bar = body.offsetHeight - body.clientHeight
    let end = 0
    for (const row of rows) {
      const bottom = row.getBoundingClientRect().bottom - top
      if (bottom > body.clientHeight) break
      end = bottom
    }
    if (end) body.style.setProperty('block-size', Math.ceil(end + bar) + 'px', 'important')
  }

  function settle () {
    for (const body of document.querySelectorAll('.dataTables_scrollBody')) endWithARow(body)
  }

  // The page around has our downloads: they follow what is searched here, and a second menu of others would only be in the way.
  function around () {
    try {
      return window.parent !== window && window.parent.document.querySelector('[data-og-downloads]')
    } catch (elsewhere) {
      return null
    }
  }

  function oneMenu () {
    const theirs = $('.dt-buttons button').has('.fa-download')
    if (around() && theirs.length) $('#dtprv').DataTable().buttons(theirs).remove()
  }

  $(document).on('xhr.dt', function (_event, _settings, answer) {
    if (answer && answer.query && around()) window.parent.postMessage({ ogptnRows: answer.query }, window.location.origin)
  })
  $(document).on('init.dt', function () { window.setTimeout(oneMenu) })
  $(document).on('draw.dt init.dt column-sizing.dt', function () { window.requestAnimationFrame(settle) })
  $(window).on('resize', function () { window.setTimeout(settle, 250) })

  // Widths that were measured before our letters were there are those of other letters.
  if (document.fonts) {
    document.fonts.ready.then(function () {
      // Before its words in the reader's language are there, the table has no columns to measure; later, the letters are there.
      if (document.querySelector('.dataTables_scrollHead')) $('#dtprv').DataTable().columns.adjust()
    })
  }
})(jQuery)
