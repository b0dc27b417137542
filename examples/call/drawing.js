// What a window without a camera sends.

// A moving picture and a quiet tone: proof that media flows where there is no camera.
export function drawnStream() {
    const canvas = document.createElement("canvas");
    canvas.width = 640;
    canvas.height = 360;
    const pen = canvas.getContext("2d");
    const hue = Math.floor(Math.random() * 360);
    const timer = setInterval(() => draw(pen, hue), 1000 / 25); // requestAnimationFrame rests in hidden windows
    draw(pen, hue);
    const audio = new AudioContext();
    const drawn = new MediaStream([...canvas.captureStream(25).getVideoTracks(), ...tone(audio).getAudioTracks()]);
    drawn.stop = () => {
        clearInterval(timer);
        audio.close();
    };
    return drawn;
}

function draw(pen, hue) {
    const { width, height } = pen.canvas;
    const seconds = performance.now() / 1000;
    pen.fillStyle = `hsl(${hue} 40% 14%)`;
    pen.fillRect(0, 0, width, height);
    for (let i = 0; i < 7; i++) {
        const angle = seconds * (0.4 + i * 0.07) + i * 0.9;
        pen.fillStyle = `hsl(${(hue + i * 14) % 360} 70% ${38 + i * 5}% / 0.75)`;
        pen.beginPath();
        pen.arc(width / 2 + Math.cos(angle) * 190, height / 2 + Math.sin(angle * 1.3) * 105, 44 - i * 4, 0, 2 * Math.PI);
        pen.fill();
    }
    pen.fillStyle = "white";
    pen.font = "600 34px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(new Date().toLocaleTimeString(), width / 2, height / 2 + 12);
}

function tone(audio) {
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    oscillator.frequency.value = 330;
    gain.gain.value = 0.02;
    const destination = audio.createMediaStreamDestination();
    oscillator.connect(gain).connect(destination);
    oscillator.start();
    return destination.stream;
}
