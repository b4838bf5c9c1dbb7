process NBP_ILASTIK {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "napari-batch-prediction:latest"

    input:
    tuple val(meta), path(image), val(extension), val(source)
    path project

    output:
    tuple val(meta), path("*.${extension}"), emit: output
    path "versions.yml", emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def prefix = task.ext.prefix ?: "${meta.id}"
    def memory = task.memory ? task.memory.toMega() : 4096
    """
    export LAZYFLOW_THREADS=${task.cpus}
    export LAZYFLOW_TOTAL_RAM_MB=${memory}

    nbp-ilastik \\
        --headless \\
        --readonly 1 \\
        --project=${project} \\
        --export_source=${source} \\
        --output_filename_format=${prefix}.${extension} \\
        ${args} \\
        ${image}

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        napari-batch-prediction: \$(nbp-ilastik --headless --version)
    END_VERSIONS
    """

    stub:
    def prefix = task.ext.prefix ?: "${meta.id}"
    """
    touch ${prefix}.${extension}

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        napari-batch-prediction: \$(nbp-ilastik --headless --version)
    END_VERSIONS
    """
}
