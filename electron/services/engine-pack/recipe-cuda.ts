import { ADDON, TENSORFLOW_HEADERS, type PackRecipe } from './recipe.ts';

/**
 * TensorFlow 2.20.0 for NVIDIA GPUs, Linux x64, with what its Python package's extra `and-cuda` resolves to. The files
 * lie as they do beside that package, because TensorFlow and NVIDIA's libraries look for each other at those places
 * relative to their own (`RUNPATH` with `$ORIGIN`). Left out: NCCL, which is built into TensorFlow; cuRAND, which it does
 * not load; compilers and tools that no computation uses.
 */
export const TENSORFLOW_CUDA: PackRecipe = {
  engine: 'tensorflow',
  variant: 'cuda',
  folder: 'tensorflow-cuda',
  version: '2.20.0',
  platform: 'linux-x64',
  wheels: [
    {
      requirement: 'tensorflow==2.20.0',
      platform: 'manylinux2014_x86_64',
      bytes: 620_570_129,
      sha256: '481499fd0f824583de8945be61d5e827898cdaa4f5ea1bc2cc28ca2ccff8229e',
      headers: TENSORFLOW_HEADERS,
      files: [
        {
          from: 'tensorflow/libtensorflow_framework.so.2',
          to: 'tensorflow/libtensorflow_framework.so.2',
          sha256: 'b03dd68841873ae161e5d4f9e32326233e39924e962199efad3e86277cbac544',
        },
        { from: 'tensorflow/THIRD_PARTY_NOTICES.txt', to: 'THIRD_PARTY_NOTICES.txt', licence: true },
        {
          from: 'tensorflow/libtensorflow_cc.so.2',
          to: 'tensorflow/libtensorflow_cc.so.2',
          sha256: '21affb58d89c44b7471d83cbaa4284a00342005b9180053b13095693ab0436d5',
        },
        { from: 'tensorflow/include/LICENSE', to: 'LICENSE', licence: true },
      ],
    },
    {
      requirement: 'nvidia-cublas-cu12==12.9.3.13',
      platform: 'manylinux_2_27_x86_64',
      bytes: 581_217_458,
      sha256: 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
      files: [
        {
          from: 'nvidia/cublas/lib/libcublas.so.12',
          to: 'nvidia/cublas/lib/libcublas.so.12',
          sha256: '9b6997d8ac06badb59b90fd08cb89b1f807576306f6b0d762f3e72000b69d260',
        },
        {
          from: 'nvidia/cublas/lib/libcublasLt.so.12',
          to: 'nvidia/cublas/lib/libcublasLt.so.12',
          sha256: 'fbbf5c66fcc42c4eb6e56a7cb40be3936edbf0d08e757761e95c84afb9606cb6',
        },
        {
          from: 'nvidia_cublas_cu12-12.9.3.13.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cublas-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-cuda-cupti-cu12==12.9.79',
      platform: 'manylinux_2_25_x86_64',
      bytes: 10_814_997,
      sha256: '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f',
      files: [
        {
          from: 'nvidia/cuda_cupti/lib/libcupti.so.12',
          to: 'nvidia/cuda_cupti/lib/libcupti.so.12',
          sha256: '2fdab19dc3fccdd4b2f5eba137aabefc68e685f6497bb38eea649866c5672a2a',
        },
        {
          from: 'nvidia_cuda_cupti_cu12-12.9.79.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cuda-cupti-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-cuda-nvcc-cu12==12.9.86',
      platform: 'manylinux2010_x86_64',
      bytes: 40_546_229,
      sha256: '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
      files: [
        {
          from: 'nvidia/cuda_nvcc/bin/ptxas',
          to: 'nvidia/cuda_nvcc/bin/ptxas',
          sha256: '983b0e9283855979f42cebfd80d43f9b6e786eb84f03f7570bf941c4d3a3c461',
          executable: true,
        },
        {
          from: 'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc',
          to: 'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc',
          sha256: '9e84b504f25d26ec775ef91f7122e68dac77fa1f776f1044128f5028356265d8',
        },
        {
          from: 'nvidia_cuda_nvcc_cu12-12.9.86.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cuda-nvcc-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-cuda-nvrtc-cu12==12.9.86',
      platform: 'manylinux2010_x86_64',
      bytes: 89_568_129,
      sha256: '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
      files: [
        {
          from: 'nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.12.9',
          to: 'nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.12.9',
          sha256: '6507cf33450cfb22970c2c1e7aa8e7c0a33e39d864720277b05f61a92791e2e8',
        },
        {
          from: 'nvidia/cuda_nvrtc/lib/libnvrtc.so.12',
          to: 'nvidia/cuda_nvrtc/lib/libnvrtc.so.12',
          sha256: '7c67c6b51ea0e0279634cebd676ff7efda1674806444520c84430ad5c35fe625',
        },
        {
          from: 'nvidia_cuda_nvrtc_cu12-12.9.86.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cuda-nvrtc-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-cuda-runtime-cu12==12.9.79',
      platform: 'manylinux2014_x86_64',
      bytes: 3_493_179,
      sha256: '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
      files: [
        {
          from: 'nvidia/cuda_runtime/lib/libcudart.so.12',
          to: 'nvidia/cuda_runtime/lib/libcudart.so.12',
          sha256: '256e6409e4f06f618e1fb53d4844a6b81cdded1013afa8ade40c22f99eb133b7',
        },
        {
          from: 'nvidia_cuda_runtime_cu12-12.9.79.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cuda-runtime-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-cudnn-cu12==9.28.0.42',
      platform: 'manylinux_2_27_x86_64',
      bytes: 716_538_495,
      sha256: '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
      files: [
        {
          from: 'nvidia/cudnn/lib/libcudnn.so.9',
          to: 'nvidia/cudnn/lib/libcudnn.so.9',
          sha256: '727cf38cefa39f745dee3caa207395163a86e8fafdb47e3af6d185fdd67858d4',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_adv.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_adv.so.9',
          sha256: 'd7a4f6de7c83eb39506d424cf8f1a6f3715faeee2320f2cc03498c9dcc10283b',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_cnn.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_cnn.so.9',
          sha256: '5bccc296c64d21ef9326c70ccdcf01b149122dd242ec80a2d3bdc2a4389879ad',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9',
          sha256: '9a9bbe2c9d4be6c324760199f667fa84a2a9a2d66820b8ca55844b9da235e837',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_engines_runtime_compiled.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_engines_runtime_compiled.so.9',
          sha256: '8b49b082768bda0ac9f2465c235331e727682f92139ad41f15276b81f20f0f96',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_engines_tensor_ir.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_engines_tensor_ir.so.9',
          sha256: '78aa90a0543dd7b097701708f28981657ad04b95d3cac387fed960765404985e',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_ext.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_ext.so.9',
          sha256: '7614a9e626eeeacbcfc8aa6633700e3cd4321e18497447825172d2d21f0b0e6f',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_graph.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_graph.so.9',
          sha256: 'd56ec4d0cc21836e0138e4e75dcf6a1e589687675e9d6da0d006936ef7169078',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_heuristic.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_heuristic.so.9',
          sha256: 'ab31bec932bc0b37431dfed946ec4c373441e0d5a62ad477e6cd19fc805e7577',
        },
        {
          from: 'nvidia/cudnn/lib/libcudnn_ops.so.9',
          to: 'nvidia/cudnn/lib/libcudnn_ops.so.9',
          sha256: 'fbc82ffd752ec10601b2001226dee311b7ddd034c93a30c3536f2bbd19361b0c',
        },
        {
          from: 'nvidia_cudnn_cu12-9.28.0.42.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cudnn-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-cufft-cu12==11.4.1.4',
      platform: 'manylinux2014_x86_64',
      bytes: 200_877_592,
      sha256: 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
      files: [
        {
          from: 'nvidia/cufft/lib/libcufft.so.11',
          to: 'nvidia/cufft/lib/libcufft.so.11',
          sha256: 'e1d65ebd08895f9d9883f848f3974f89e0130416252477b18835ba7f15d159bc',
        },
        {
          from: 'nvidia_cufft_cu12-11.4.1.4.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cufft-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-cusolver-cu12==11.7.5.82',
      platform: 'manylinux_2_27_x86_64',
      bytes: 338_117_415,
      sha256: '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
      files: [
        {
          from: 'nvidia/cusolver/lib/libcusolver.so.11',
          to: 'nvidia/cusolver/lib/libcusolver.so.11',
          sha256: '30a1fe2fe22dad7141afaa2878fb6e9d7360b016e164d2153e1f31a46f2a9833',
        },
        {
          from: 'nvidia_cusolver_cu12-11.7.5.82.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cusolver-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-cusparse-cu12==12.5.10.65',
      platform: 'manylinux2014_x86_64',
      bytes: 366_465_088,
      sha256: '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
      files: [
        {
          from: 'nvidia/cusparse/lib/libcusparse.so.12',
          to: 'nvidia/cusparse/lib/libcusparse.so.12',
          sha256: '6d85ab1acdabfe3b5a54aa76bc948c719bcd03e07eede3eb8122b083c1a6ecf7',
        },
        {
          from: 'nvidia_cusparse_cu12-12.5.10.65.dist-info/licenses/License.txt',
          to: 'licences/nvidia-cusparse-cu12.txt',
          licence: true,
        },
      ],
    },
    {
      requirement: 'nvidia-nvjitlink-cu12==12.9.86',
      platform: 'manylinux2010_x86_64',
      bytes: 39_748_338,
      sha256: 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
      files: [
        {
          from: 'nvidia/nvjitlink/lib/libnvJitLink.so.12',
          to: 'nvidia/nvjitlink/lib/libnvJitLink.so.12',
          sha256: '02d3acb5fe598dd20f0fca3cc03734ad164037a22747a01900561a42d0b8448f',
        },
        {
          from: 'nvidia_nvjitlink_cu12-12.9.86.dist-info/licenses/License.txt',
          to: 'licences/nvidia-nvjitlink-cu12.txt',
          licence: true,
        },
      ],
    },
  ],
  libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
  addon: ADDON,
  libraryFolder: 'tensorflow',
  unpacked: 4_624_000_000,
  room: 5_600_000_000,
};
