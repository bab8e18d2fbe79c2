"""The networks of the comparison in PyTorch: float32, NCHW, pixels in [0, 1], logits out."""

from torch import nn
from torch.nn import functional


class MadryCNN(nn.Module):
    """Two 5x5 convolutions with pooling and one hidden dense layer (Madry et al. 2018, appendix A)."""

    def __init__(self, shape, classes, first, second, hidden):
        super().__init__()
        height, width, channels = shape
        self.conv1 = nn.Conv2d(channels, first, 5, padding=2)
        self.conv2 = nn.Conv2d(first, second, 5, padding=2)
        self.fc1 = nn.Linear(second * (height // 4) * (width // 4), hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, images):
        features = functional.max_pool2d(functional.relu(self.conv1(images)), 2)
        features = functional.max_pool2d(functional.relu(self.conv2(features)), 2)
        return self.fc2(functional.relu(self.fc1(features.flatten(1))))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut without parameters (He et al. 2016, option A)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.padding = (outputs - inputs) // 2

    def forward(self, features):
        branch = functional.relu(self.first_norm(self.first(features)))
        branch = self.second_norm(self.second(branch))
        if self.stride > 1:
            features = features[:, :, :: self.stride, :: self.stride]
        if self.padding > 0:
            features = functional.pad(features, (0, 0, 0, 0, self.padding, self.padding))
        return functional.relu(branch + features)


class CifarResNet(nn.Module):
    """ResNet with 6n + 2 layers for small images (He et al. 2016, section 4.2)."""

    def __init__(self, shape, classes, blocks):
        super().__init__()
        self.stem = nn.Conv2d(shape[2], 16, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(16)
        stages = []
        inputs = 16
        for outputs in (16, 32, 64):
            for block in range(blocks):
                stages.append(BasicBlock(inputs, outputs, 2 if block == 0 and outputs > 16 else 1))
                inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(64, classes)

    def forward(self, images):
        features = self.stages(functional.relu(self.stem_norm(self.stem(images))))
        return self.head(features.mean((2, 3)))


def build(architecture, shape, classes):
    """A network with fresh random weights. `shape` is (height, width, channels)."""
    if architecture == "small-cnn":
        return MadryCNN(shape, classes, 8, 16, 64)
    if architecture == "mnist-cnn":
        return MadryCNN(shape, classes, 32, 64, 1024)
    if architecture.startswith("cifar-resnet"):
        return CifarResNet(shape, classes, (int(architecture[len("cifar-resnet") :]) - 2) // 6)
    if architecture in ("resnet18", "resnet50"):
        import torchvision

        return getattr(torchvision.models, architecture)(weights=None, num_classes=classes)
    raise ValueError(f"there is no network {architecture!r} in PyTorch here")


def load_madry(network, arrays):
    """Copies Pairlight's arrays (HWIO filters, [in, out] matrices after an NHWC flatten) into a MadryCNN."""
    import torch

    def checked(name, array, parameter):
        if tuple(array.shape) != tuple(parameter.shape):
            raise ValueError(f"{name} has shape {tuple(array.shape)}, expected {tuple(parameter.shape)}")
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(array.copy()))

    channels = network.conv2.out_channels
    for name in ("conv1", "conv2"):
        layer = getattr(network, name)
        checked(f"{name}_w", arrays[f"{name}_w"].transpose(3, 2, 0, 1), layer.weight)
        checked(f"{name}_b", arrays[f"{name}_b"], layer.bias)
    dense = arrays["fc1_w"]
    side = round((dense.shape[0] // channels) ** 0.5)
    dense = dense.reshape(side, side, channels, -1).transpose(3, 2, 0, 1).reshape(dense.shape[1], -1)
    checked("fc1_w", dense, network.fc1.weight)
    checked("fc1_b", arrays["fc1_b"], network.fc1.bias)
    checked("fc2_w", arrays["fc2_w"].T, network.fc2.weight)
    checked("fc2_b", arrays["fc2_b"], network.fc2.bias)
